import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of bringing conversations along from elsewhere. */
export const { use: useImportWords } = dictionary(en, fr);
