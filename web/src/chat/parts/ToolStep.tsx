import { useQuery } from "@tanstack/react-query";
import {
  Calculator,
  Clock,
  FileText,
  Globe,
  type LucideIcon,
  NotebookPen,
  SquareTerminal,
  Wrench,
} from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Code } from "~/markdown/Code";
import { Approval } from "./Approval";
import { resultQuery } from "./calls";
import { Fold } from "./Fold";
import type { ToolStep as Step } from "./parts";
import { usePartWords } from "./words";

const icons: Record<string, LucideIcon> = {
  calculator: Calculator,
  clock: Clock,
  web_search: Globe,
  read_page: FileText,
  remember: NotebookPen,
  python: SquareTerminal,
  search_files: FileText,
};

const Runnable = lazy(() => import("~/python/Runnable"));
const PythonStep = lazy(() => import("~/python/PythonStep"));

/** One run of a tool: what it is doing or found in a line, and all of it when that is opened. */
export function ToolStep({
  part,
  generation,
  live,
}: {
  part: Step;
  generation: string | null;
  live: boolean;
}) {
  const t = usePartWords();
  const [opened, setOpened] = useState(false);
  const title = t.step.names[part.name] ?? part.title;
  if (live && part.status === "asked" && generation)
    return <Approval part={part} generation={generation} title={title} />;
  const why = (part.reason && t.step.reasons[part.reason]) || part.summary || "";
  const tone = part.status === "failed" || part.status === "refused" ? "text-danger" : "";
  const code = part.name === "python" && typeof part.arguments.code === "string" ? part.arguments.code : null;
  return (
    <>
      <Fold
        icon={icons[part.name] ?? Wrench}
        busy={live && (part.status === "running" || part.status === "approved")}
        opened={() => setOpened(true)}
        title={
          <>
            <span className="font-medium text-ink">{title}</span>{" "}
            <span className={tone}>
              {t.step[part.status]}
              {part.status === "done" && part.summary ? t.step.with(part.summary) : ""}
            </span>
          </>
        }
        aside={
          part.seconds
            ? t.step.took(part.seconds.toLocaleString(undefined, { maximumFractionDigits: 1 }))
            : null
        }
      >
        {part.status !== "done" && why && <p className="py-1">{why}</p>}
        {code === null ? (
          <Block title={t.step.given} text={JSON.stringify(part.arguments, null, 2)} />
        ) : (
          <Suspense fallback={<Code source={code} language="python" />}>
            <Runnable source={code} />
          </Suspense>
        )}
        {part.result && generation && <Result generation={generation} step={part.id} wanted={opened} />}
      </Fold>
      {code !== null && (
        <Suspense>
          <PythonStep
            step={part.id}
            generation={generation}
            code={code}
            wanted={live && part.status === "running"}
          />
        </Suspense>
      )}
    </>
  );
}

function Result({ generation, step, wanted }: { generation: string; step: string; wanted: boolean }) {
  const t = usePartWords();
  const { data, isError } = useQuery({ ...resultQuery(generation, step), enabled: wanted });
  if (isError) return <p className="py-1">{t.step.missing}</p>;
  if (!data) return <p className="late py-1">{t.step.loading}</p>;
  return (
    <>
      <Block title={t.step.result} text={data.text} />
      {data.links.length > 0 && (
        <div className="py-1">
          <p className="text-xs">{t.step.sources}</p>
          <ul>
            {data.links.map((link) => (
              <li key={link.url} className="truncate">
                <a href={link.url} target="_blank" rel="noreferrer noopener" className="underline">
                  {link.title}
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Block({ title, text }: { title: string; text: string }) {
  return (
    <div className="py-1">
      <p className="text-xs">{title}</p>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
        tabIndex={0}
        aria-label={title}
        className="mt-1 max-h-64 overflow-auto rounded-md bg-tint p-3 text-ink text-xs"
      >
        <pre className="whitespace-pre-wrap break-words font-mono">{text}</pre>
      </section>
    </div>
  );
}
