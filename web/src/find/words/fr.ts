import type { en } from "./en";

export const fr: typeof en = {
  label: "Chercher dans cette conversation",
  placeholder: "Chercher dans la conversation",
  of: (place, total) => `${place} sur ${total}`,
  looking: "Recherche…",
  nothing: "Aucun résultat",
  failed: "Échec",
  again: "Réessayer",
  offline: "Sans connexion",
  previous: "Précédent",
  next: "Suivant",
  close: "Fermer",
};
