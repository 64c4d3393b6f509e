import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { useSettingsWords } from "../words";
import { Waiting } from "./Waiting";

/** What a query brings, or how it is waited for, or what went wrong with the way to try again. */
export function Loaded<T>({
  query,
  rows = 3,
  children,
}: {
  query: UseQueryResult<T>;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  const all = useWords();
  const t = useSettingsWords();
  if (query.data !== undefined) return children(query.data);
  if (query.error)
    return <Trouble text={t.failed} hint={explain(query.error, all)} retry={() => query.refetch()} />;
  return <Waiting rows={rows} />;
}
