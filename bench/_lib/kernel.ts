export async function kernelFacts(): Promise<[string, string][]> {
  return [];
}
