import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of sharing conversations, and of taking them along. */
export const { use: useSharingWords, now: sharingWords } = dictionary(en, fr);

export type SharingWords = typeof en;
