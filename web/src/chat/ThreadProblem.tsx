import { Link } from "@tanstack/react-router";
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
