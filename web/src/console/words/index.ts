import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the console says. */
export const { use: useConsoleWords, now: consoleWords } = dictionary(en, fr);

export type ConsoleWords = typeof en;
