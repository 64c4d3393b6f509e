import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { bootstrapQuery, signedIn } from "~/api/queries";
import { useWords } from "~/i18n";
import { buttonLook } from "~/ui/Button";
import { AccountForm } from "./AccountForm";
import { Card } from "./Card";

/** First run: the one-time link makes the owner's account. */
export function Setup() {
  const t = useWords();
  const navigate = useNavigate();
  const { token } = useSearch({ strict: false });
  const required = useQuery(bootstrapQuery).data?.setup_required;
  const [spent, setSpent] = useState(false);

  if (!required)
    return (
      <Card title={t.setup.doneTitle} lead={t.setup.badLink}>
        <Link to="/sign-in" className={buttonLook("primary")}>
          {t.setup.toSignIn}
        </Link>
      </Card>
    );
  if (!token) return <Card title={t.setup.needsLinkTitle} lead={t.setup.needsLink} />;
  if (spent) return <Card title={t.setup.badLinkTitle} lead={t.setup.badLink} />;
  return (
    <Card title={t.setup.title} lead={t.setup.lead}>
      <AccountForm
        submit={t.setup.submit}
        submitting={t.setup.submitting}
        send={(owner) => api.setup({ token, ...owner })}
        done={(user) => {
          signedIn(user);
          navigate({ to: "/", replace: true });
        }}
        refused={(error) => setSpent(error.code === "invalid_link")}
      />
    </Card>
  );
}
