import { Link } from "@tanstack/react-router";
import { CloudOff } from "lucide-react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Button, buttonLook } from "~/ui/Button";

/** The conversation cannot be shown: what happened, and the one thing to do. */
export function ThreadProblem({
  missing,
  error,
  retry,
}: {
  missing: boolean;
  error: Error;
  retry: () => void;
}) {
  const t = useWords();
  const unreached = error instanceof Problem && error.code === "network";
  if (unreached)
    return (
      <div role="status" className="m-auto max-w-sm px-6 py-12 text-center">
        <CloudOff aria-hidden className="mx-auto mb-4 size-6 text-muted" strokeWidth={1.5} />
        <h1 className="font-serif text-lg">{t.network.notKept}</h1>
        <p className="mt-2 text-balance text-muted text-sm">{t.network.notKeptHint}</p>
      </div>
    );
  return (
    <div role="alert" className="m-auto max-w-sm px-6 py-12 text-center">
      <h1 className="font-serif text-lg">{missing ? t.thread.notFound : t.thread.failed}</h1>
      <p className="mt-2 mb-6 text-balance text-muted text-sm">
        {missing ? t.thread.notFoundHint : explain(error, t)}
      </p>
      {missing ? (
        <Link to="/" className={buttonLook("primary")}>
          {t.thread.startNew}
        </Link>
      ) : (
        <Button onClick={retry}>{t.problem.retry}</Button>
      )}
    </div>
  );
}
