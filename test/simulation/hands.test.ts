// Hands change rows in SQL, without lock, revision or log, while everything else goes wrong too.
import { simulate } from "./run-schedules.ts";

simulate("changes by hand", 2_000_006, { hands: true, breaks: false });
simulate("changes by hand on lost timelines", 3_000_009, { hands: true, breaks: true });
