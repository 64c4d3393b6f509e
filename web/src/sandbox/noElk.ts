/** In the place of ELK, a second way to lay diagrams out that few ask for and that is a third of Mermaid's size. */
export default class NoElk {
  constructor() {
    throw new Error("The layout “elk” is not available here. Leave it out.");
  }
}
