import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What thinking, tools and their controls say. */
export const { use: usePartWords } = dictionary(en, fr);
