import { useWheelWords } from "./words";

/** Says who has begun a turn: somebody's address, or the house itself in the reader's language. */
export function useBegunBy(): (who: string) => string {
  const { by } = useWheelWords().nightly;
  return (who) => (who === "the nightly setting" ? by : who);
}
