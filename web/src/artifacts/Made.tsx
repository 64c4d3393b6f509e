import { PanelRight } from "lucide-react";
import { useMemo } from "react";
import type { Message } from "~/api/types";
import { Code } from "~/markdown/Code";
import Runnable from "~/python/Runnable";
import { IconButton } from "~/ui/IconButton";
import { Card, useVersion } from "./Card";
import { type Artifact, artifactOf } from "./find";
import { panel } from "./open";
import { useArtifactWords } from "./words";

interface Props {
  source: string;
  info: string;
  whole: boolean;
  message: Message;
}

/** What a block of a reply makes, in its place; or code with a way to run it. */
export default function Made({ source, info, whole, message }: Props) {
  const artifact = useMemo(() => artifactOf({ info, source, whole, line: 0 }), [info, source, whole]);
  if (artifact && artifact.kind !== "code") return <Card artifact={artifact} message={message} />;
  const opening = artifact && <OpenBeside artifact={artifact} message={message} />;
  if (whole && /^(?:python3?|py)\b/i.test(info)) return <Runnable source={source} opening={opening} />;
  return <Code source={source} language={info} actions={opening} />;
}

function OpenBeside({ artifact, message }: { artifact: Artifact; message: Message }) {
  const t = useArtifactWords();
  const { version } = useVersion(message, artifact);
  return <IconButton label={t.beside} icon={PanelRight} onClick={() => panel.open(version)} small />;
}
