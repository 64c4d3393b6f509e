import { describe, expect, it } from "vitest";
import { compact, dollars, energy, lasted, price, typedDollars } from "./amounts";

describe("money", () => {
  it("is shown to the cent, and smaller where a cent would hide it", () => {
    expect(dollars(22_000_000_000, "en")).toBe("$22.00");
    expect(dollars(150_000, "en")).toBe("$0.00015");
    expect(dollars(0, "en")).toBe("$0.00");
    expect(dollars(-1_500_000_000, "en")).toBe("-$1.50");
    expect(dollars(22_000_000_000, "fr").replace(/\s/g, " ")).toBe("22,00 $");
  });

  it("keeps the decimals that its currency has", () => {
    expect(price("22.00", "EUR", "en")).toBe("€22.00");
    expect(price("2200", "JPY", "en")).toBe("¥2,200");
    expect(price("0.150000000", "USD", "en")).toBe("$0.15");
  });

  it("is read as people type it", () => {
    expect(typedDollars("20")).toBe("20");
    expect(typedDollars(" 1 000,50 $")).toBe("1000.50");
    expect(typedDollars("-0.25")).toBe("-0.25");
    expect(typedDollars("0")).toBeNull();
    expect(typedDollars("10.999", 2)).toBeNull();
    expect(typedDollars("ten")).toBeNull();
  });
});

describe("quantities", () => {
  it("have the unit that fits them", () => {
    expect(compact(12_400, "en").toLowerCase()).toBe("12.4k");
    expect(energy(3.4e8, "en")).toBe("340 J");
    expect(energy(7.2e12, "en")).toBe("2 kWh");
    expect(lasted(4.2e8, "en")).toBe("420 ms");
    expect(lasted(9e9, "en")).toBe("9 s");
    expect(lasted(9e12, "en")).toBe("2.5 h");
  });
});
