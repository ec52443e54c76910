/** Made by scripts/wire.mjs from docs/openapi.json: change the server and make it anew, not this. */

/** This process lives. */
export interface Alive {
  alive?: true
}

/** A camera that sees the place; `score` is 0..1. */
export interface CameraView {
  device: string
  score: number
}

/** One thing that must be right for the system to do its work. */
export interface Check {
  ok: boolean
  /** not ok, but the system does its work all the same */
  warning?: boolean
  /** what is wrong, and what to do */
  reason?: string | null
}

/** What a device contributed to an incident: how many messages of a kind, from when to when. `count` 0: its silence. */
export interface Contribution {
  device: string
  kind: string
  count: number
  first_at: string | null
  last_at: string | null
}

/** A camera, a button or a gateway, and how it is. `bearing` and `fov` are degrees, `range` metres, `battery` percent. `last_proven` is when it last proved itself end to end: a button by a press or a test, a camera by an event. `clock_skew` is how many seconds its clock was ahead of ours when it last said its time. `registered: false`: nobody registered the name. */
export interface Device {
  site: string
  device: string
  kind: 'camera' | 'button' | 'gateway'
  name: string
  grid: string | null
  lat: number | null
  lon: number | null
  bearing: number | null
  fov: number | null
  range: number | null
  registered: boolean
  via: string | null
  native: string | null
  state: 'online' | 'offline' | 'fault' | 'unknown'
  last_seen: string | null
  last_proven: string | null
  battery: number | null
  clock_skew: number | null
}

/** A proposal that somebody look at a button; it keeps nothing quiet. `figures` is what it rests on. `regular-hours`: it fires at the same time of day, mostly for nothing. `low-battery`: its battery is low, and its presses came to nothing. */
export interface DeviceCheck {
  id: string
  site: string
  device: string
  reason: 'regular-hours' | 'low-battery'
  figures: Record<string, unknown>
  proposed_at: string
  /** when somebody had looked; null: it waits */
  done_at: string | null
  done_by: string | null
  /** what they found */
  note: string | null
}

/** The link of whoever is sent to an incident: to be read out or shown as QR. `told`: it was also sent to them. */
export interface DispatchLink {
  url: string
  person: string
  expires_at: string
  told: boolean
}

/** What was found at the button. */
export interface DoneBody {
  note: string
}

/** What a device said, as stored. Of an alarm, `kind` is its action (press, cancel, test) and `phase` is instant. */
export interface Event {
  site: string
  device: string
  id: string
  kind: string
  phase: 'start' | 'update' | 'end' | 'instant'
  track: string | null
  confidence: number | null
  /** the device's own clock, which may be wrong */
  ts: string | null
  received_at: string
  incident: string | null
  attrs: Record<string, unknown> | null
}

/** An officer has more new incidents than they can answer (ISA-18.2), since then. */
export interface Flood {
  name: string
  since: string
  peak: number
}

/** A polygon of a site with its grid officer; `geometry` is GeoJSON in WGS-84, `parent` makes a tree. */
export interface Grid {
  site: string
  grid: string
  parent: string | null
  name: string
  officer: string | null
  geometry: Record<string, unknown>
}

/** A signed sheet; `accepted_at` is when who comes signed it too, `moved` the claims that moved with it. */
export interface Handover {
  id: string
  site: string
  from_name: string
  to_name: string
  note: string | null
  signed_at: string
  accepted_at: string | null
  moved: string[]
  sheet: Sheet
}

/** A handover, signed by who sends it; `to` is the log-in name of who comes. */
export interface HandoverBody {
  site: string
  to: string
  note?: string | null
  proven_days?: number
}

/** What a person must answer. `version` counts changes of state or owner; `count` the presses or events joined to it. */
export interface Incident {
  id: string
  site: string
  grid: string | null
  /** `press`, a kind of event, `offline`, `fault` or `unusual` */
  kind: string
  priority: 'critical' | 'high' | 'medium' | 'low'
  state: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
  title: string
  opened_at: string
  updated_at: string
  cancelled_at: string | null
  arrived_at: string | null
  version: number
  count: number
  device: string | null
  place: Place
  /** a log-in name */
  owner: string | null
  tier: 'grid' | 'community' | 'district'
  deadline: string | null
  outcome: 'real' | 'false' | 'test' | 'drill' | null
  /** nearest first */
  cameras: CameraView[]
  /** every device that contributed, in order of arrival */
  parts: string[]
  /** when a person first had it */
  answered_at: string | null
  /** who was sent last */
  dispatched_to: string | null
  /** why it neither sounds nor sends notices; null: it does */
  quiet: 'chattering' | 'maintenance' | 'unusual' | null
  shelved_until: string | null
  shelved_by: string | null
  /** an exercise: shown as such, and in no statistics */
  drill: boolean
}

/** An incident with its whole timeline, the alarms and events it is made of, each in order, and what each device contributed. */
export interface IncidentDetail {
  id: string
  site: string
  grid: string | null
  /** `press`, a kind of event, `offline`, `fault` or `unusual` */
  kind: string
  priority: 'critical' | 'high' | 'medium' | 'low'
  state: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
  title: string
  opened_at: string
  updated_at: string
  cancelled_at: string | null
  arrived_at: string | null
  version: number
  count: number
  device: string | null
  place: Place
  /** a log-in name */
  owner: string | null
  tier: 'grid' | 'community' | 'district'
  deadline: string | null
  outcome: 'real' | 'false' | 'test' | 'drill' | null
  /** nearest first */
  cameras: CameraView[]
  /** every device that contributed, in order of arrival */
  parts: string[]
  /** when a person first had it */
  answered_at: string | null
  /** who was sent last */
  dispatched_to: string | null
  /** why it neither sounds nor sends notices; null: it does */
  quiet: 'chattering' | 'maintenance' | 'unusual' | null
  shelved_until: string | null
  shelved_by: string | null
  /** an exercise: shown as such, and in no statistics */
  drill: boolean
  timeline: TimelineEntry[]
  events: Event[]
  contributions: Contribution[]
}

/** A notice of an incident on its way to one channel or one person. */
export interface IncidentNotice {
  id: string
  why: 'open' | 'escalate' | 'dispatch' | 'resolve' | 'flood'
  tier: 'grid' | 'community' | 'district' | null
  /** when it was put into the outbox */
  noticed_at: string
  channel: string | null
  /** a log-in name */
  person: string | null
  /** the channel that failed, so that this one was taken */
  instead_of: string | null
  /** it went with others in one message */
  digest: boolean
  /** `spared`: somebody had taken it by then; `unaddressed`: no channel or contact was there */
  state: 'waiting' | 'sending' | 'sent' | 'failed' | 'spared' | 'unaddressed'
  tries: number
  done_at: string | null
  /** what the service said last, when it did not take it */
  error: string | null
}

/** The body of a log-in. */
export interface LogIn {
  name: string
  password: string
}

/** Who is logged in, which sites are theirs, and what they may do. */
export interface Me {
  name: string
  role: 'officer' | 'lead' | 'admin'
  sites: string[]
  may: string[]
}

/** A month of a site, in its own time zone. Drills, tests, quiet items and the system's own sites count in nothing but `left_out`. carried + opened + reopened = settled + open_at_end; each `by_…` adds up to opened. */
export interface MonthlyReport {
  site: string
  name: string
  month: string
  timezone: string
  begins: string
  ends: string
  /** how far the month is counted: its end, or now */
  until: string
  /** carried, opened, reopened, settled, open_at_end */
  flow: ReportFigure[]
  /** opened in the month and counted nowhere, by reason; shares of all that opened */
  left_out: ReportFigure[]
  answers: ReportAnswers[]
  /** settled, by how it ended; shares of settled */
  outcomes: ReportFigure[]
  /** of those that a person settled as real or false */
  false_share: number | null
  /** went up to this tier in the month; shares of opened */
  escalations: ReportFigure[]
  /** a claim of it lapsed in the month */
  lapsed: ReportFigure
  longest: ReportLongest[]
  by_kind: ReportFigure[]
  by_priority: ReportFigure[]
  by_grid: ReportFigure[]
  by_hour: ReportFigure[]
  /** 1 is Monday */
  by_weekday: ReportFigure[]
  by_day: ReportFigure[]
  load: ReportLoad[]
  floods: ReportFlood[]
}

export interface Page_DeviceCheck_ {
  items: DeviceCheck[]
  next?: string | null
}

export interface Page_Device_ {
  items: Device[]
  next?: string | null
}

export interface Page_Event_ {
  items: Event[]
  next?: string | null
}

export interface Page_Flood_ {
  items: Flood[]
  next?: string | null
}

export interface Page_Grid_ {
  items: Grid[]
  next?: string | null
}

export interface Page_Handover_ {
  items: Handover[]
  next?: string | null
}

export interface Page_IncidentNotice_ {
  items: IncidentNotice[]
  next?: string | null
}

export interface Page_Incident_ {
  items: Incident[]
  next?: string | null
}

export interface Page_PressShare_ {
  items: PressShare[]
  next?: string | null
}

export interface Page_Reject_ {
  items: Reject[]
  next?: string | null
}

export interface Page_ReportMeasure_ {
  items: ReportMeasure[]
  next?: string | null
}

export interface Page_ReportProblem_ {
  items: ReportProblem[]
  next?: string | null
}

export interface Page_ReportResponsibility_ {
  items: ReportResponsibility[]
  next?: string | null
}

export interface Page_Shift_ {
  items: Shift[]
  next?: string | null
}

export interface Page_Site_ {
  items: Site[]
  next?: string | null
}

export interface Page_Staff_ {
  items: Staff[]
  next?: string | null
}

export interface Page_Window_ {
  items: Window[]
  next?: string | null
}

/** Where it is: degrees in WGS-84, and the words for it. */
export interface Place {
  lat: number | null
  lon: number | null
  address: string | null
}

/** A person's place: at one grid, or at a tier above the grids (`grid` null). */
export interface Post {
  tier: 'grid' | 'community' | 'district'
  grid?: string | null
}

/** All posts of a person at a site, in the place of those they had. */
export interface PostsBody {
  posts: Post[]
}

/** What became of a button's presses of the last 30 days, exercises left out. It says something of the device and its place, nothing of who pressed. */
export interface PressShare {
  site: string
  device: string
  presses: number
  /** taken back by the resident */
  cancelled: number
  false: number
  test: number
  real: number
  /** those that came to nothing, of those of which it is known; null: of none */
  share: number | null
}

/** An error as RFC 9457 writes it. A 409 also says who was first: `owner`, `state` and `version` as they are now. */
export interface Problem {
  type?: string
  title: string
  status: number
  detail?: string | null
  owner?: string | null
  state?: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed' | null
  version?: number | null
}

/** Whether the system can do its work. */
export interface Readiness {
  ready: boolean
  checks: Record<string, Check>
}

/** A message that was refused, and why; the first 4 KiB of it, `size` is what came. */
export interface Reject {
  site: string | null
  device: string | null
  topic: string
  reason: string
  payload_base64: string
  size: number
  received_at: string
}

/** How soon incidents were answered, that is, when a person first had them. Shares are of `opened`. Percentiles are by nearest rank, of `answered`: the time of some incident that half (nine tenths) of them did not exceed. */
export interface ReportAnswers {
  /** `all` or `press` */
  of: string
  label: string
  opened: ReportFigure
  answered: ReportFigure
  within_30: ReportFigure
  within_60: ReportFigure
  unanswered: ReportFigure
  median_seconds: number | null
  p90_seconds: number | null
}

/** A number of incidents. `trace` is the call that lists exactly these; `value` is what it is counted by. */
export interface ReportFigure {
  figure: string
  value: string | null
  /** what it is called, in the language asked for */
  label: string
  count: number
  /** of the whole that the description of its part names; null: of nothing */
  share?: number | null
  /** of escalations and lapsed claims: how often, since an incident may have several */
  times?: number | null
  trace: string
}

/** A time in which an officer had more than anybody can answer (ISA-18.2). */
export interface ReportFlood {
  officer: string
  since: string
  until: string | null
  peak: number
  incidents: ReportFigure
}

/** What came to somebody, against EEMUA 191 and ISA-18.2: to all consoles of the site (`officer` null) as it opened, to an officer as it came into their hands. Windows are of ten minutes, days the site's own; shares are of all that have passed. */
export interface ReportLoad {
  officer: string | null
  label: string
  incidents: ReportFigure
  per_day: number | null
  busiest_window: number
  busiest_day: number
  windows_over_1: ReportLoadPart
  windows_over_10: ReportLoadPart
  days_over_150: ReportLoadPart
  days_over_300: ReportLoadPart
  verdict: 'manageable' | 'demanding' | 'overloaded'
}

/** The windows or days that had more than so many: how many of them, their share of all, and the incidents in them. */
export interface ReportLoadPart {
  number: number
  share: number | null
  incidents: ReportFigure
}

/** One of those that were open longest: from its opening to its end, or as far as the month is counted. */
export interface ReportLongest {
  incident: string
  opened_at: string
  seconds: number
  /** whether it was open at the end of the month */
  open: boolean
  title: string
  kind: string
  grid: string | null
  grid_name: string
  priority: 'critical' | 'high' | 'medium' | 'low'
  /** as it is now */
  state: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
  owner: string | null
}

/** A line of 措施清单: a step of a person, or of the system (`who`) where it changed who has it or how it ended. */
export interface ReportMeasure {
  seq: number
  at: string
  incident: string
  address: string | null
  grid: string | null
  grid_name: string | null
  kind: string
  title: string
  who: string
  verb: string
  note: string | null
}

/** A line of 问题清单. `seconds` from opening to end; `left_out`: why it counts in no statistics. */
export interface ReportProblem {
  incident: string
  opened_at: string
  address: string | null
  grid: string | null
  grid_name: string | null
  kind: string
  title: string
  priority: 'critical' | 'high' | 'medium' | 'low'
  state: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
  outcome: 'real' | 'false' | 'test' | 'drill' | null
  answered_at: string | null
  cancelled_at: string | null
  resolved_at: string | null
  seconds: number | null
  owner: string | null
  tier: 'grid' | 'community' | 'district'
  left_out: string | null
}

/** A line of 责任清单: who had an incident, as what, from when to when. `kept`: whether the deadline was; null: there was none, or it is not decided. `line` counts the lines of an incident. */
export interface ReportResponsibility {
  incident: string
  line: number
  opened_at: string
  address: string | null
  grid: string | null
  grid_name: string | null
  kind: string
  title: string
  role: 'tier' | 'owner' | 'sent'
  /** a log-in name; for `tier` the tier */
  who: string
  begins: string
  ends: string | null
  /** the step that ended it */
  ended_by: string | null
  deadline: string | null
  kept: boolean | null
}

/** What is to be handed over at a site as of a moment. */
export interface Sheet {
  site: string
  at: string
  /** by person */
  claims: SheetClaims[]
  /** nobody has them, and they are not shelved */
  open: SheetIncident[]
  shelved: SheetIncident[]
  windows: SheetWindow[]
  /** offline or at fault */
  faulty: SheetDevice[]
  /** buttons that never proved themselves, or not for `proven_days` */
  unproven: SheetDevice[]
  proven_days: number
  /** newest first */
  notes: SheetNote[]
}

/** What one person has. */
export interface SheetClaims {
  owner: string
  incidents: SheetIncident[]
}

/** A device that is faulty, offline or not proven. */
export interface SheetDevice {
  device: string
  name: string
  grid: string | null
  state: 'online' | 'offline' | 'fault' | 'unknown'
  since: string | null
  last_seen: string | null
  last_proven: string | null
}

/** An incident on a sheet of a handover, as it was then. */
export interface SheetIncident {
  id: string
  title: string
  kind: string
  priority: 'critical' | 'high' | 'medium' | 'low'
  state: 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
  tier: 'grid' | 'community' | 'district'
  grid: string | null
  opened_at: string
  owner: string | null
  dispatched_to: string | null
  deadline: string | null
  shelved_until: string | null
  shelved_by: string | null
  drill: boolean
}

/** What a person wrote down on an incident that is not resolved. */
export interface SheetNote {
  incident: string
  title: string
  at: string
  actor: string
  note: string
}

/** A maintenance or a drill that runs. */
export interface SheetWindow {
  purpose: 'maintenance' | 'drill'
  grid: string | null
  device: string | null
  starts_at: string
  ends_at: string
  reason: string
  made_by: string
}

/** `hours` of the site's own time, the end not included, over midnight where it ends before it begins; `days` (1 is Monday) are those it begins on. */
export interface Shift {
  site: string
  shift: string
  hours: string
  days: number[]
  members: string[]
}

/** A whole shift, in the place of what it was. */
export interface ShiftBody {
  /** "22:00-06:00" */
  hours: string
  /** 1 is Monday */
  days?: number[]
  members?: string[]
}

/** What a console has put on its screen. */
export interface ShownBody {
  items: ShownIncident[]
}

/** An incident that is on the screen, as of the change `seq` of its site. */
export interface ShownIncident {
  incident: string
  seq: number
}

/** One community. `invented`: a sample that shows no real place. */
export interface Site {
  site: string
  name: string
  timezone: string
  lat: number | null
  lon: number | null
  invented: boolean
}

/** Somebody who works for a site. Whether a contact is known is told, the contact never. */
export interface Staff {
  name: string
  role: 'officer' | 'lead' | 'admin'
  posts: Post[]
  /** in none: always on duty */
  shifts: string[]
  /** it is their shift now */
  on_duty: boolean
  /** from the grid asked for to their post, up the tree; null: not on that way */
  steps_away: number | null
  /** a contact of theirs is known */
  reachable: boolean
}

/** A person's step. `version` is the one they saw; `to` is needed by assign and dispatch, `outcome` by resolve, `note` by escalate, reopen, shelve and taking over from somebody, `until` by shelve. */
export interface StepBody {
  version: number
  note?: string | null
  to?: string | null
  outcome?: 'real' | 'false' | 'test' | 'drill' | null
  until?: string | null
}

/** A change of an incident; `actor` is a log-in name, `device:NAME` or `system`. `seq` counts the changes of its site. */
export interface TimelineEntry {
  seq: number
  at: string
  actor: string
  verb: string
  note: string | null
}

/** A time of maintenance (cameras and silence are quiet, presses never) or of a drill (shown as one, in no statistics). With `grid` it holds there and in the grids in it, with `device` for that device, with neither for the whole site. */
export interface Window {
  id: string
  site: string
  purpose: 'maintenance' | 'drill'
  grid: string | null
  device: string | null
  starts_at: string
  ends_at: string
  reason: string
  made_by: string
  made_at: string
  ended_by: string | null
}

/** A window to make; without `starts_at` it begins now. */
export interface WindowBody {
  site: string
  purpose: 'maintenance' | 'drill'
  grid?: string | null
  device?: string | null
  starts_at?: string | null
  ends_at: string
  reason: string
}
