import type { en } from "./en";

/** La même chose en français. */
export const fr: typeof en = {
  up: "Bonne réponse",
  down: "Mauvaise réponse",
  better: "Meilleure que l’originale",
  failed: "Votre avis n’a pas pu être enregistré. Réessayez.",
  why: { up: "Qu’est-ce qui est bien ?", down: "Qu’est-ce qui ne va pas ?" },
  reasons: {
    accurate: "Juste",
    clear: "Claire",
    complete: "Complète",
    inaccurate: "Inexacte",
    unclear: "Difficile à suivre",
    incomplete: "Il manque quelque chose",
    instructions: { up: "Fait ce que je demande", down: "Pas ce que je demande" },
    tone: { up: "Le bon ton", down: "Pas le bon ton" },
    unsafe: "Dangereuse ou blessante",
  },
  comment: "Avec vos mots",
  send: "Envoyer",
  close: "Fermer",
  thanks: "Merci. C’est noté.",
  learning: {
    title: "Apprendre de vos avis",
    question: "Les modèles peuvent-ils apprendre de vos avis ?",
    words:
      "Ce que vous notez, comparez et corrigez, avec les messages qui y mènent, sert alors à améliorer les modèles de ce Causette. Cela vaut aussi pour ce que vous avez déjà dit. Vous pouvez revenir là-dessus à tout moment dans les réglages, sous « Vos données ».",
    yes: "Oui, utilisez-les",
    no: "Non",
    label: "Utiliser mes avis pour améliorer les modèles",
    since: (day: string) => `Activé depuis le ${day}.`,
  },
};
