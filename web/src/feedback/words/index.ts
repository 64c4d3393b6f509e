import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of ratings, and of learning from them. */
export const { use: useFeedbackWords } = dictionary(en, fr);
