// The watch over a page that keeps no run.
export default {
  initialize({ model }) {
    return watchOver(model, null).stop;
  },
};
