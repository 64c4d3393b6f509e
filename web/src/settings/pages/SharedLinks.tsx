import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ExternalLink, Link2, MessageSquare, MoreHorizontal, RotateCw, Unlink } from "lucide-react";
import { useState } from "react";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useNow, useWords } from "~/i18n";
import { notify } from "~/notices";
import { type Share, sharesQuery, sharing } from "~/sharing/queries";
import { useSharingWords } from "~/sharing/words";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem, MenuRule } from "~/ui/Menu";
import { Trouble } from "~/ui/Trouble";
import { copyText } from "~/ui/useCopy";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Page } from "../parts/Page";
import { Empty, Mark, Row, Rows } from "../parts/Rows";
import { useWhen } from "../parts/when";

const changed = () => queries.invalidateQueries({ queryKey: sharesQuery.queryKey });

/** What one shares by link, and the end of it. */
export default function SharedLinks() {
  const all = useWords();
  const words = useSharingWords();
  const t = words.list;
  const query = useQuery(sharesQuery);
  const [ending, setEnding] = useState<Share | "all" | null>(null);
  const renew = useMutation({
    mutationFn: (share: Share) => sharing.renew(share.id),
    onSuccess() {
      changed();
      notify(t.renewed);
    },
  });
  return (
    <Page title={t.title} lead={t.lead}>
      <Loaded query={query}>
        {({ items, mode }) => (
          <div>
            {mode === "off" && <p className="mb-5 text-muted text-sm">{words.off}</p>}
            {renew.error && <Trouble text={explain(renew.error, all)} />}
            {items.length === 0 ? (
              <Empty text={t.empty} />
            ) : (
              <>
                <Rows label={t.title}>
                  {items.map((share) => (
                    <ShareRow
                      key={share.id}
                      share={share}
                      renew={() => renew.mutate(share)}
                      end={() => setEnding(share)}
                    />
                  ))}
                </Rows>
                <Button look="outline" className="mt-5" onClick={() => setEnding("all")}>
                  {t.endAll}
                </Button>
              </>
            )}
          </div>
        )}
      </Loaded>
      {ending && (
        <Confirm
          title={ending === "all" ? t.endAllTitle : t.endTitle}
          lead={ending === "all" ? t.endAllLead : t.endLead}
          label={ending === "all" ? t.endAll : t.end}
          act={() => (ending === "all" ? sharing.endAll() : sharing.end(ending.id))}
          done={() => {
            notify(ending === "all" ? t.allEnded : t.ended);
            setEnding(null);
            changed();
          }}
          close={() => setEnding(null)}
        />
      )}
    </Page>
  );
}

function ShareRow({ share, renew, end }: { share: Share; renew: () => void; end: () => void }) {
  const t = useSharingWords().list;
  const { day } = useWhen();
  const now = useNow();
  const navigate = useNavigate();
  const { link } = share;
  const over = share.expires_at !== null && new Date(share.expires_at).getTime() <= now;
  return (
    <Row
      icon={Link2}
      title={share.title}
      faded={over}
      mark={over && <Mark>{t.over}</Mark>}
      facts={[
        share.workspace_id ? t.inside : t.anybody,
        t.from(day(share.updated_at)),
        share.expires_at !== null && !over && t.until(day(share.expires_at)),
        share.author !== null && t.named,
        share.with_steps && t.steps,
      ]}
      action={
        <Menu align="end" trigger={<IconButton label={t.options(share.title)} icon={MoreHorizontal} small />}>
          {link && !over && (
            <>
              <MenuItem icon={Link2} onSelect={() => copyText(link).then(() => notify(t.copied))}>
                {t.copy}
              </MenuItem>
              <MenuItem
                icon={ExternalLink}
                onSelect={() => window.open(link, "_blank", "noopener,noreferrer")}
              >
                {t.open}
              </MenuItem>
            </>
          )}
          <MenuItem
            icon={MessageSquare}
            onSelect={() => navigate({ to: "/c/$id", params: { id: share.conversation_id } })}
          >
            {t.conversation}
          </MenuItem>
          {!over && (
            <MenuItem icon={RotateCw} onSelect={renew}>
              {t.renew}
            </MenuItem>
          )}
          <MenuRule />
          <MenuItem icon={Unlink} danger onSelect={end}>
            {t.end}
          </MenuItem>
        </Menu>
      }
    />
  );
}
