import { type UseMutationResult, useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Field } from "~/account/Field";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { useSettingsWords } from "../words";
import { Panel } from "./Panel";

interface Proven<G> {
  /** Does it; where the server wants to know first that it is still the same person, they are asked. */
  start: (given: G) => void;
  reset: () => void;
  isPending: boolean;
  /** What went wrong, other than that a password was wanted. */
  error: Error | null;
  /** The question, while it is being asked. Belongs on the page, outside any other dialog. */
  question: ReactNode;
}

/**
 * Something that only the account's own person may do: tried at once, since the server asks for the password only when
 * signing in was a while ago.
 */
export function useProven<G, R>(
  act: (given: G, password: string | undefined) => Promise<R>,
  done: (result: R, given: G) => void,
): Proven<G> {
  const [asking, setAsking] = useState(false);
  const mutation = useMutation<R, Error, { given: G; password?: string }>({
    mutationFn: ({ given, password }) => act(given, password),
    onSuccess(result, { given }) {
      setAsking(false);
      done(result, given);
    },
    onError(error) {
      if (error instanceof Problem && error.code === "confirmation_required") setAsking(true);
    },
  });
  return {
    start(given) {
      mutation.mutate({ given });
    },
    reset: mutation.reset,
    isPending: mutation.isPending,
    error: asking ? null : mutation.error,
    question: asking && (
      <Question
        mutation={mutation}
        close={() => {
          setAsking(false);
          mutation.reset();
        }}
      />
    ),
  };
}

function Question<G, R>({
  mutation,
  close,
}: {
  mutation: UseMutationResult<R, Error, { given: G; password?: string }>;
  close: () => void;
}) {
  const all = useWords();
  const t = useSettingsWords().prove;
  const [password, setPassword] = useState("");
  const { error, variables } = mutation;
  const wrong = error instanceof Problem && error.code === "wrong_password";
  const wanted = error instanceof Problem && error.code === "confirmation_required";
  return (
    <Panel
      title={t.title}
      lead={t.lead}
      close={close}
      submit={{
        label: t.submit,
        busy: mutation.isPending || password === "",
        run: () => variables && mutation.mutate({ given: variables.given, password }),
      }}
    >
      <Field
        label={t.password}
        type="password"
        autoComplete="current-password"
        autoFocus
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        error={wrong ? t.wrong : undefined}
      />
      {error && !wrong && !wanted && <Trouble text={explain(error, all)} />}
    </Panel>
  );
}
