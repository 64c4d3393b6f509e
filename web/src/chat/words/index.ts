import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of a conversation’s tree. */
export const { use: useTreeWords, now: treeWords } = dictionary(en, fr);
