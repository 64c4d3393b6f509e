import { useQuery } from "@tanstack/react-query";
import { useLocale } from "~/i18n";
import { cataloguesQuery } from "./queries";

/** What people call a plan; its id while that is not known, or for a plan that is in no file any more. */
export function usePlanTitle(): (plan: string) => string {
  const locale = useLocale();
  const plans = useQuery(cataloguesQuery).data?.items;
  return (plan) => plans?.find(({ id }) => id === plan)?.title[locale] ?? plan;
}
