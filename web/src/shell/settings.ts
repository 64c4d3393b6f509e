import { api } from "~/api/client";
import { queries, signedIn, signedOut } from "~/api/queries";
import type { User } from "~/api/types";
import { drafts } from "~/chat/drafts";
import { uploads } from "~/files/uploads";
import { type Locale, words } from "~/i18n";
import { notify } from "~/notices";
import { preferences } from "~/preferences";

export type Theme = User["theme"];

// The choice holds in this browser at once; the account remembers it for the others when it can.
async function remember(change: { locale?: Locale; theme?: Theme }): Promise<void> {
  await api.changeUser(change).then(signedIn, () => {});
}

export function chooseTheme(theme: Theme): void {
  preferences.set("theme", theme === "system" ? null : theme);
  remember({ theme });
}

export function chooseLocale(locale: Locale): void {
  preferences.set("locale", locale);
  remember({ locale });
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut();
  } catch {
    notify(words().account.signOutFailed);
    return;
  }
  drafts.clear();
  uploads.clear();
  queries.cancelQueries();
  signedOut();
}
