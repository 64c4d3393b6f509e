/** Passkeys in the browser: the server's questions and the browser's answers, both as the JSON of WebAuthn level 3. */

type Json = Record<string, unknown>;

export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function toBase64Url(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The question with its challenge and ids as bytes, which `navigator.credentials` wants. */
export function parsed(question: Json): Json {
  const described = (credentials: unknown) =>
    (credentials as { id: string }[]).map((each) => ({ ...each, id: fromBase64Url(each.id) }));
  const user = question.user as { id: string } | undefined;
  return {
    ...question,
    challenge: fromBase64Url(question.challenge as string),
    ...(user ? { user: { ...user, id: fromBase64Url(user.id) } } : {}),
    ...(question.excludeCredentials ? { excludeCredentials: described(question.excludeCredentials) } : {}),
    ...(question.allowCredentials ? { allowCredentials: described(question.allowCredentials) } : {}),
  };
}

/** What the browser answered, with its bytes as text. */
export function written(credential: PublicKeyCredential): Json {
  const { response } = credential;
  const shared = {
    id: credential.id,
    rawId: toBase64Url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
  const clientDataJSON = toBase64Url(response.clientDataJSON);
  if (response instanceof AuthenticatorAttestationResponse)
    return {
      ...shared,
      response: {
        clientDataJSON,
        attestationObject: toBase64Url(response.attestationObject),
        transports: response.getTransports(),
      },
    };
  const assertion = response as AuthenticatorAssertionResponse;
  return {
    ...shared,
    response: {
      clientDataJSON,
      authenticatorData: toBase64Url(assertion.authenticatorData),
      signature: toBase64Url(assertion.signature),
      ...(assertion.userHandle ? { userHandle: toBase64Url(assertion.userHandle) } : {}),
    },
  };
}

export const browserHasPasskeys = typeof window.PublicKeyCredential === "function";

/** Has the browser make a passkey. Null when its person declined, or let the time pass. */
export async function makePasskey(question: Json): Promise<Json | null> {
  const publicKey = parsed(question) as unknown as PublicKeyCredentialCreationOptions;
  return answered(navigator.credentials.create({ publicKey }));
}

/** Has the browser sign with a passkey. Null when its person declined, or let the time pass. */
export async function signWithPasskey(question: Json): Promise<Json | null> {
  const publicKey = parsed(question) as unknown as PublicKeyCredentialRequestOptions;
  return answered(navigator.credentials.get({ publicKey }));
}

async function answered(asked: Promise<Credential | null>): Promise<Json | null> {
  try {
    const credential = await asked;
    return credential instanceof PublicKeyCredential ? written(credential) : null;
  } catch (error) {
    if (error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name)) return null;
    throw error;
  }
}
