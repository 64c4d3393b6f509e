import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the pages about plans, usage and invoices say, and the console with them. */
export const { use: useMoneyWords, now: moneyWords } = dictionary(en, fr);

export type MoneyWords = typeof en;
