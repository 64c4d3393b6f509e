import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What the lab says. */
export const { use: useLabWords, now: labWords } = dictionary(en, fr);

export type LabWords = typeof en;
