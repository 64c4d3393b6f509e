import { Play } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Code } from "~/markdown/Code";
import { IconButton } from "~/ui/IconButton";
import { usePythonWords } from "./words";

const RunCode = lazy(() => import("./RunCode"));

/** Python with a button that runs it here. */
export default function Runnable({ source, opening = null }: { source: string; opening?: ReactNode }) {
  const t = usePythonWords();
  const [round, setRound] = useState(0);
  const [going, setGoing] = useState(false);
  const actions = (
    <>
      {opening}
      <IconButton
        label={round === 0 ? t.run : t.again}
        icon={Play}
        disabled={going}
        onClick={() => {
          setGoing(true);
          setRound(round + 1);
        }}
        small
      />
    </>
  );
  return (
    <>
      <Code source={source} language="python" actions={actions} />
      {round > 0 && (
        <Suspense>
          <RunCode code={source} round={round} running={setGoing} />
        </Suspense>
      )}
    </>
  );
}
