import { dictionary } from "~/i18n";
import { en } from "./en";
import { fr } from "./fr";

export const { use: useArtifactWords } = dictionary(en, fr);
