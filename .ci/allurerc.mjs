// Allure 3: one self-contained HTML file. PERF_ALLURE_HISTORY names the earlier runs, which
// `python -m perf report` makes of their artifacts; without it there is no history.
const name = "Video pipeline performance";
const groups = ["epic", "feature", "story"];

export default {
  name,
  historyPath: process.env.PERF_ALLURE_HISTORY,
  appendHistory: false,
  // The first that matches counts; categories.json of the results says the same, for Allure 2.
  categories: [
    {
      name: "Product defect: work lost, failed or not ended",
      matchers: { statuses: ["failed"], message: /FAIL (lost|failed|outstanding|(\w+_)?error_ratio) / },
    },
    { name: "SLO broken", matchers: { statuses: ["failed"] } },
    { name: "Measurement invalid", matchers: { statuses: ["broken"], message: /INVALID / } },
    { name: "Harness broken", matchers: { statuses: ["broken", "unknown"] } },
  ],
  plugins: {
    awesome: { options: { singleFile: true, reportName: name, groupBy: groups, theme: "auto" } },
  },
};
