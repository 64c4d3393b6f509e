/** What the app says, for journeys that are walked in both languages. */
import { en as partsInEnglish } from "../../web/src/chat/parts/words/en";
import { fr as partsInFrench } from "../../web/src/chat/parts/words/fr";
import { en as treeInEnglish } from "../../web/src/chat/words/en";
import { fr as treeInFrench } from "../../web/src/chat/words/fr";
import { en } from "../../web/src/i18n/en";
import { fr } from "../../web/src/i18n/fr";
import { typeset } from "../../web/src/i18n/typography";
import { en as organiseInEnglish } from "../../web/src/organise/words/en";
import { fr as organiseInFrench } from "../../web/src/organise/words/fr";

const english = { ...en, tree: treeInEnglish, parts: partsInEnglish, organise: organiseInEnglish };

export type Words = typeof english;

/** The words of a browser's language. */
export function wordsOf(locale = "en"): Words {
  if (!locale.startsWith("fr")) return english;
  return typeset({ ...fr, tree: treeInFrench, parts: partsInFrench, organise: organiseInFrench });
}
