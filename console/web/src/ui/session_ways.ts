// How somebody signed in, in words.
export const ways: Record<string, string> = { password: "with a password", oidc: "at the identity provider", passkey: "with a passkey", token: "with a personal token", invitation: "by an invitation" };
