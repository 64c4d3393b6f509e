import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { Field } from "~/account/Field";
import { explain } from "~/api/problems";
import { contentUrl, files, type ListedFile, thumbnailUrl } from "~/files/calls";
import { endingOf, iconOf, useSize } from "~/files/kinds";
import { useFileWords } from "~/files/words";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Empty, Rows } from "../parts/Rows";
import { Waiting } from "../parts/Waiting";
import { useWhen } from "../parts/when";
import { useSettingsWords } from "../words";

/** Everything that one uploaded: how much it takes, where it is used, and its end. */
export default function Files() {
  const all = useWords();
  const settings = useSettingsWords();
  const t = useFileWords().page;
  const size = useSize();
  const cache = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: ["files", "all"],
    queryFn: ({ pageParam }) => files.list(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const [deleting, setDeleting] = useState<ListedFile | null>(null);
  const [renaming, setRenaming] = useState<ListedFile | null>(null);
  const changed = () => cache.invalidateQueries({ queryKey: ["files"] });
  const first = query.data?.pages[0];
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title={t.title} lead={t.lead}>
      {!first ? (
        query.error ? (
          <Trouble text={settings.failed} hint={explain(query.error, all)} retry={() => query.refetch()} />
        ) : (
          <Waiting rows={4} />
        )
      ) : items.length === 0 ? (
        <Empty text={t.empty} />
      ) : (
        <>
          <div className="mb-5">
            <p className="mb-2 text-muted text-sm tabular-nums">
              {t.taken(size(first.taken), size(first.together))}
            </p>
            <meter
              min={0}
              max={first.together}
              value={first.taken}
              aria-label={t.taken(size(first.taken), size(first.together))}
              className="h-1.5 w-full"
            />
          </div>
          <Rows label={t.title}>
            {items.map((file) => (
              <Listed
                key={file.id}
                file={file}
                rename={() => setRenaming(file)}
                remove={() => setDeleting(file)}
              />
            ))}
          </Rows>
          {query.hasNextPage && (
            <Button
              look="quiet"
              className="mt-3"
              disabled={query.isFetching}
              onClick={() => query.fetchNextPage()}
            >
              {t.loadMore}
            </Button>
          )}
        </>
      )}
      {deleting && (
        <Confirm
          title={t.deleteTitle(deleting.name)}
          lead={t.deleteLead}
          label={t.delete}
          act={() => files.delete(deleting.id)}
          done={() => {
            setDeleting(null);
            changed();
            notify(t.deleted);
          }}
          close={() => setDeleting(null)}
        />
      )}
      {renaming && (
        <Rename
          file={renaming}
          done={() => {
            setRenaming(null);
            changed();
            notify(t.renamed);
          }}
          close={() => setRenaming(null)}
        />
      )}
    </Page>
  );
}

function Listed({ file, rename, remove }: { file: ListedFile; rename: () => void; remove: () => void }) {
  const words = useFileWords();
  const t = words.page;
  const size = useSize();
  const locale = useLocale();
  const { day } = useWhen();
  const Icon = iconOf(file.kind);
  const facts = [
    [endingOf(file.name), size(file.size)].filter(Boolean).join(" "),
    file.width && file.height ? t.pictureAt(file.width, file.height) : null,
    file.characters > 0 ? t.characters(new Intl.NumberFormat(locale).format(file.characters)) : null,
    day(file.created_at),
  ];
  return (
    <li className="flex items-start gap-3.5 py-3">
      {file.kind === "image" ? (
        <img
          src={thumbnailUrl(file.id)}
          alt=""
          className="size-11 flex-none rounded-sm bg-tint object-cover"
        />
      ) : (
        <span
          aria-hidden
          className="flex size-11 flex-none items-center justify-center rounded-sm bg-tint text-muted"
        >
          <Icon className="size-5" strokeWidth={1.5} />
        </span>
      )}
      <div className="min-w-0 flex-1">
        <p dir="auto" className="break-words font-medium leading-snug">
          {file.name}
        </p>
        <p className="mt-0.5 text-muted text-sm tabular-nums">{facts.filter(Boolean).join(" · ")}</p>
        {file.status === "failed" && (
          <p className="mt-0.5 text-danger text-sm">{file.error_message ?? words.unread}</p>
        )}
        <p className="mt-0.5 text-muted text-sm">
          {file.uses.length === 0 ? (
            t.unused
          ) : (
            <>
              {t.usedIn}{" "}
              {file.uses.map((use, index) => (
                <span key={use.conversation_id}>
                  {index > 0 && ", "}
                  <Link
                    to="/c/$id"
                    params={{ id: use.conversation_id }}
                    className="text-accent underline underline-offset-2"
                  >
                    {use.title}
                  </Link>
                </span>
              ))}
            </>
          )}
        </p>
      </div>
      <div className="flex flex-none gap-0.5">
        <a
          href={contentUrl(file.id, true)}
          download={file.name}
          aria-label={words.downloadThis(file.name)}
          title={words.download}
          className="inline-flex size-8 items-center justify-center rounded-sm text-muted hover:bg-tint hover:text-ink touch:size-11"
        >
          <Download aria-hidden className="size-4" strokeWidth={1.75} />
        </a>
        <IconButton label={t.renameThis(file.name)} icon={Pencil} small onClick={rename} />
        <IconButton label={t.deleteThis(file.name)} icon={Trash2} small onClick={remove} />
      </div>
    </li>
  );
}

function Rename({ file, done, close }: { file: ListedFile; done: () => void; close: () => void }) {
  const all = useWords();
  const t = useFileWords().page;
  const [name, setName] = useState(file.name);
  const renaming = useMutation({ mutationFn: () => files.change(file.id, { name }), onSuccess: done });
  return (
    <Panel
      title={t.renameThis(file.name)}
      close={close}
      submit={{
        label: t.rename,
        busy: renaming.isPending || name.trim() === "",
        run: () => renaming.mutate(),
      }}
    >
      <Field
        label={t.name}
        type="text"
        autoComplete="off"
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {renaming.error && <Trouble text={explain(renaming.error, all)} />}
    </Panel>
  );
}
