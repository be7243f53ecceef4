/** The thread that paints ladders. */

import { LadderScene } from "../draw/ladder_scene.ts";
import { serve } from "./serve.ts";

serve(LadderScene);
