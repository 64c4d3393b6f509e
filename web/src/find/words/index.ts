import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

export const { use: useFindWords } = dictionary(en, fr);
