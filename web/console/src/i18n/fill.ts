/** Put values into `{name}` places of a text. A place without a value stays, so that a mistake can be seen. Pure. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (name in values ? String(values[name]) : place))
}
