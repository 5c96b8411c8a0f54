/** A value for every setting of providers that is required and has no default: tests make channels and URLs of them. */
export const sampleSettings: Readonly<Record<string, string>> = {
  account: "0123456789abcdef0123456789abcdef",
  apiVersion: "2024-10-21",
  project: "my-project-1",
  region: "us-east-1",
  workspace: "adb-1234567890123456.7.azuredatabricks.net",
};
