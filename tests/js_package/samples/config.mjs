// For Vitest and for Playwright: the server is started by the package itself where FAUXSCALE_URL names none.
export default {
  globalSetup: "fauxscale/setup",
  testDir: ".",
  testMatch: "*.spec.ts",
  outputDir: "../results",
  test: { globalSetup: "fauxscale/setup", include: ["samples/*.test.ts"] },
};
