import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

/** What is said of assistants and of memory. */
export const { use: useAssistantWords, now: assistantWords } = dictionary(en, fr);
