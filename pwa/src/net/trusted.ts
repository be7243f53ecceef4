/** The page's policy lets only checked addresses become scripts. */

interface TrustedUrlPolicy {
  createScriptURL(url: string): string;
}
interface TrustedTypes {
  createPolicy(name: string, rules: TrustedUrlPolicy): TrustedUrlPolicy;
}

/** An address that may become a script, under a policy that lets no other one. */
export function trustedScript(policy: string, address: string): string {
  const factory = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  const rules = { createScriptURL: (url: string) => (url === address ? url : "") };
  return (factory?.createPolicy(policy, rules) ?? rules).createScriptURL(address);
}
