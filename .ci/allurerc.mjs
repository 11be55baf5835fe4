// Allure 3: one self-contained HTML file.
export default {
  name: "Video pipeline performance",
  plugins: { awesome: { options: { singleFile: true, reportName: "Video pipeline performance" } } },
};
