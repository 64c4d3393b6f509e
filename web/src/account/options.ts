import { queryOptions } from "@tanstack/react-query";
import { accounts } from "~/api/accounts";

/** How a stranger can come in. */
export const signUpOptionsQuery = queryOptions({
  queryKey: ["door", "options"],
  queryFn: accounts.signUpOptions,
  staleTime: 60_000,
});
