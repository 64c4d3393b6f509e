import { describe, expect, it } from "vitest";
import { fromBase64Url, parsed, toBase64Url } from "./webauthn";

describe("bytes as URL-safe base64", () => {
  it("come back as they went, whatever their number", () => {
    for (let length = 0; length < 40; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length) % 256);
      expect(fromBase64Url(toBase64Url(bytes.buffer))).toEqual(bytes);
    }
  });

  it("have neither padding nor characters that a URL changes", () => {
    expect(toBase64Url(Uint8Array.from([251, 255, 191, 62]).buffer)).toBe("-_-_Pg");
  });
});

describe("a question about passkeys", () => {
  it("has its challenge and every id as bytes, and the rest as it was", () => {
    const found = parsed({
      challenge: "AQI",
      user: { id: "Aw", name: "camille" },
      excludeCredentials: [{ id: "BA", type: "public-key" }],
      timeout: 1000,
    });
    expect(found).toEqual({
      challenge: Uint8Array.of(1, 2),
      user: { id: Uint8Array.of(3), name: "camille" },
      excludeCredentials: [{ id: Uint8Array.of(4), type: "public-key" }],
      timeout: 1000,
    });
  });
});
