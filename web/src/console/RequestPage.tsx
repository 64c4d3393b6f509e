import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { admin, type RequestAccount } from "~/api/admin";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { useMoneyWords } from "~/settings/money/words";
import { Loaded } from "~/settings/parts/Loaded";
import { Page, Section } from "~/settings/parts/Page";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Facts } from "./Figures";
import { Give } from "./Give";
import { houseChanged, requestQuery } from "./queries";
import { usePlanTitle } from "./titles";
import { useConsoleWords } from "./words";

/** Everything that the books have of one request. */
export function RequestPage({ id }: { id: string }) {
  const t = useConsoleWords().request;
  const query = useQuery(requestQuery(id));
  return (
    <div className="max-w-[46rem]">
      <Link
        to="/console/$page"
        params={{ page: "usage" }}
        className="mb-4 inline-block text-muted text-sm underline-offset-4 hover:text-ink hover:underline max-md:hidden"
      >
        {t.back}
      </Link>
      {query.error && !query.data ? (
        <Trouble text={t.gone} />
      ) : (
        <Loaded query={query}>{(found) => <Shown found={found} />}</Loaded>
      )}
    </div>
  );
}

function Shown({ found }: { found: RequestAccount }) {
  const t = useConsoleWords().request;
  const outcomes = useMoneyWords().usage.outcomes;
  const amounts = useAmounts();
  const planTitle = usePlanTitle();
  const [correcting, setCorrecting] = useState(false);
  const { request, names } = found;
  const named = (id: string | null) => (id === null ? null : (names[id] ?? id));
  return (
    <Page title={t.title} lead={<code className="break-all font-mono text-sm">{request.id}</code>}>
      <Section title={t.what}>
        <Facts
          items={[
            [t.who, named(request.user_id)],
            [t.payer, named(request.payer_id)],
            [t.key, named(request.key_id)],
            [t.plan, planTitle(request.plan_id)],
            [t.offer, t.offers[request.offer] ?? request.offer],
            [t.surface, t.surfaces[request.surface] ?? request.surface],
            [t.model, request.model],
            [t.deployment, found.deployment],
            [t.machine, found.machine],
            [t.began, amounts.moment(request.created_at)],
            [t.ended, request.finished_at && amounts.moment(request.finished_at)],
            [t.outcome, outcomes[request.outcome ?? request.state] ?? request.outcome],
            [t.source, found.usage_source && (t.sources[found.usage_source] ?? found.usage_source)],
          ]}
        />
      </Section>
      <Section title={t.took}>
        <Facts
          items={[
            [t.input, amounts.count(request.input_tokens)],
            [t.cached, amounts.count(request.cached_tokens)],
            [t.output, amounts.count(request.output_tokens)],
            [t.granted, amounts.count(found.output_granted)],
            [t.queue, amounts.lasted(request.queue_ns)],
            [t.first, request.ttft_us === null ? null : amounts.lasted(request.ttft_us * 1000)],
            [t.compute, amounts.lasted(request.compute_ns)],
            [
              t.energy,
              request.energy_method === "none"
                ? null
                : `${amounts.energy(request.energy_uj)} (${t.methods[request.energy_method] ?? request.energy_method})`,
            ],
          ]}
        />
      </Section>
      <Section
        title={t.money}
        action={
          request.state === "settled" && (
            <Button look="outline" onClick={() => setCorrecting(true)}>
              {t.correct}
            </Button>
          )
        }
      >
        <Facts
          items={[
            [t.held, amounts.dollars(found.held_nano)],
            [t.list, amounts.dollars(found.list_nano)],
            [t.charged, amounts.dollars(request.charge_nano)],
            [t.cost, amounts.dollars(found.cost_nano)],
          ]}
        />
      </Section>
      {found.postings.length > 0 && <Postings found={found} />}
      {correcting && (
        <Give
          title={t.correct}
          lead={t.correctLead}
          label={t.delta}
          hint={t.deltaHint}
          signed
          act={(what) => admin.correct(request.id, what)}
          done={() => {
            setCorrecting(false);
            houseChanged();
            notify(t.corrected);
          }}
          close={() => setCorrecting(false)}
        />
      )}
    </Page>
  );
}

function Postings({ found: { postings } }: { found: RequestAccount }) {
  const t = useConsoleWords().request;
  const amounts = useAmounts();
  return (
    <Section title={t.postings}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it */}
      <section aria-label={t.postings} tabIndex={0} className="overflow-x-auto">
        <table className="w-full border-collapse text-sm tabular-nums">
          <thead>
            <tr className="border-control border-b text-start">
              <th scope="col" className="py-2 pe-6 font-medium">
                {t.account}
              </th>
              <th scope="col" className="py-2 pe-6 font-medium">
                {t.kind}
              </th>
              <th scope="col" className="py-2 text-end font-medium">
                {t.amount}
              </th>
            </tr>
          </thead>
          <tbody>
            {postings.map((posting) => (
              <tr
                key={`${posting.entry_id} ${posting.book} ${posting.account}`}
                className="border-line border-b align-top"
              >
                <td className="break-all py-2 pe-6">{posting.account}</td>
                <td className="py-2 pe-6">
                  {t.books[posting.book]} · {t.kinds[posting.kind] ?? posting.kind}
                  {posting.memo && <span className="block text-muted">{posting.memo}</span>}
                </td>
                <td className="whitespace-nowrap py-2 text-end">{amounts.dollars(posting.amount_nano)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Section>
  );
}
