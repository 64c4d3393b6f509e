import { useQuery } from "@tanstack/react-query";
import { bootstrapQuery } from "~/api/queries";
import type { User } from "~/api/types";

/** Who is signed in; null for nobody. */
export function useUser(): User | null {
  return useQuery(bootstrapQuery).data?.user ?? null;
}
