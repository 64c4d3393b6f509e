import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of keeping conversations in order. */
export const { use: useOrganiseWords, now: organiseWords } = dictionary(en, fr);
