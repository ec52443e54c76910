/** Short messages that go away by themselves; read out by screen readers. */
import { reactive } from 'vue'

export interface Toast {
  id: number
  text: string
  tone: 'plain' | 'warning'
}

const STAYS = 7_000 // ms
const MOST = 4

export const toasts = reactive<Toast[]>([])
let last = 0

export function tell(text: string, tone: Toast['tone'] = 'plain'): void {
  const same = toasts.findIndex((toast) => toast.text === text)
  if (same >= 0) toasts.splice(same, 1)
  last += 1
  const id = last
  toasts.push({ id, text, tone })
  if (toasts.length > MOST) toasts.shift()
  setTimeout(() => dismiss(id), STAYS)
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
