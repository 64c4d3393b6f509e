import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What sources and the documents that they open say. */
export const { use: useKnowledgeWords } = dictionary(en, fr);
