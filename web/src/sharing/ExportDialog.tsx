import { useNavigate } from "@tanstack/react-router";
import { Braces, FileText, type LucideIcon, Printer } from "lucide-react";
import { id } from "~/api/client";
import { Panel } from "~/settings/parts/Panel";
import type { Opening } from "./opening";
import { useSharingWords } from "./words";

/** The forms in which a conversation can be taken along. */
export default function ExportDialog({ opening, close }: { opening: Opening; close: () => void }) {
  const t = useSharingWords().export;
  const navigate = useNavigate();
  const file = (format: string) => `/api/conversations/${id(opening.conversation)}/export?format=${format}`;
  return (
    <Panel title={t.title} lead={t.lead} close={close}>
      <ul className="-mx-3">
        <li>
          <a href={file("markdown")} download onClick={close} className={look}>
            <Words icon={FileText} name={t.markdown} lead={t.markdownLead} />
          </a>
        </li>
        <li>
          <button
            type="button"
            onClick={() => {
              close();
              navigate({ to: "/c/$id/print", params: { id: opening.conversation } });
            }}
            className={look}
          >
            <Words icon={Printer} name={t.pdf} lead={t.pdfLead} />
          </button>
        </li>
        <li>
          <a href={file("json")} download onClick={close} className={look}>
            <Words icon={Braces} name={t.json} lead={t.jsonLead} />
          </a>
        </li>
      </ul>
    </Panel>
  );
}

const look = "flex w-full items-start gap-3.5 rounded-sm px-3 py-2.5 text-start hover:bg-tint";

function Words({ icon: Icon, name, lead }: { icon: LucideIcon; name: string; lead: string }) {
  return (
    <>
      <Icon aria-hidden className="mt-0.5 size-5 flex-none text-muted" strokeWidth={1.75} />
      <span>
        <span className="block font-medium text-sm">{name}</span>
        <span className="block text-pretty text-muted text-sm">{lead}</span>
      </span>
    </>
  );
}
