/** The thread that paints maps. */

import { MapScene } from "../draw/map_scene.ts";
import { serve } from "./serve.ts";

serve(MapScene);
