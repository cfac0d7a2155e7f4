declare module "*.css";
declare module "*.svg" {
  const address: string;
  export default address;
}
/** docs/rules.md, read by vite.config.ts. */
declare module "virtual:rule-language" {
  const reference: import("./rule_language/reference.ts").Reference;
  export default reference;
}
