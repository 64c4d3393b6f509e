import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { LabReply } from "~/api/lab";
import { useAmounts } from "~/settings/money/amounts";
import { Loaded } from "~/settings/parts/Loaded";
import { Mark } from "~/settings/parts/Rows";
import { Select } from "~/settings/parts/Select";
import { Switch } from "~/settings/parts/Switch";
import { Button } from "~/ui/Button";
import { repliesQuery } from "./queries";
import { useLabWords } from "./words";

/** What was replied in an evaluation, task by task; the wrong ones alone if one likes. */
export function Replies({ name }: { name: string }) {
  const words = useLabWords();
  const t = words.replies;
  const amounts = useAmounts();
  const [task, setTask] = useState<string | null>(null);
  const [wrong, setWrong] = useState(false);
  const query = useInfiniteQuery(repliesQuery(name, { task, wrong }));
  return (
    <Loaded query={query}>
      {({ pages }) => (
        <div>
          <div className="flex flex-wrap items-end gap-x-6 gap-y-3">
            {(pages[0]?.tasks.length ?? 0) > 1 && (
              <Select
                small
                label={t.task}
                hideLabel
                value={task ?? ""}
                choose={(chosen) => setTask(chosen || null)}
              >
                <option value="">{t.every}</option>
                {pages[0]?.tasks.map((each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ))}
              </Select>
            )}
            <span className="flex h-9 items-center gap-3 text-sm touch:h-11">
              <Switch label={t.wrong} on={wrong} turn={setWrong} />
              <span aria-hidden>{t.wrong}</span>
            </span>
            <span role="status" className="flex h-9 items-center text-muted text-sm md:ms-auto">
              {t.count(amounts.count(pages[0]?.total ?? 0))}
            </span>
          </div>
          {pages[0]?.total === 0 ? (
            <p className="mt-4 text-muted text-sm">{t.none}</p>
          ) : (
            <ol aria-label={words.run.replies} className="mt-4 divide-y divide-line border-line border-y">
              {pages
                .flatMap(({ items }) => items)
                .map((reply) => (
                  <li key={`${reply.task} ${reply.problem}`} className="py-4">
                    <Asked reply={reply} />
                    <Said reply={reply} />
                  </li>
                ))}
            </ol>
          )}
          {query.hasNextPage && (
            <Button
              look="outline"
              className="mt-4"
              disabled={query.isFetchingNextPage}
              onClick={() => query.fetchNextPage()}
            >
              {words.more}
            </Button>
          )}
        </div>
      )}
    </Loaded>
  );
}

/** What was asked, and in which task. */
export function Asked({ reply }: { reply: LabReply }) {
  return (
    <p className="mb-2 flex flex-wrap items-baseline gap-x-3 text-sm">
      <span className="min-w-0 whitespace-pre-wrap break-words font-medium">
        {reply.prompt || reply.problem}
      </span>
      <span className="text-muted text-xs">{reply.task}</span>
    </p>
  );
}

/** What was replied, and how right it is. */
export function Said({ reply }: { reply: LabReply }) {
  const t = useLabWords().replies;
  const amounts = useAmounts();
  const mark =
    reply.score >= 1 ? t.right : reply.score <= 0 ? t.wrongOne : t.partly(amounts.percent(reply.score));
  return (
    <div className="flex items-start gap-4">
      <p className="min-w-0 flex-1 whitespace-pre-wrap break-words font-serif text-[0.9375rem] leading-relaxed">
        {reply.reply || <span className="font-sans text-muted">{t.empty}</span>}
      </p>
      <Mark look={reply.score >= 1 ? "good" : "plain"}>{mark}</Mark>
    </div>
  );
}
