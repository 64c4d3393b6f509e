import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of files. */
export const { use: useFileWords, now: fileWords } = dictionary(en, fr);

export type FileWords = typeof en;
